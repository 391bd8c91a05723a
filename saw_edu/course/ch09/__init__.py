"""Chapter 9: flat, hierarchy or chain of thought?"""
