"""OGBench's suite at the paper's settings: data, training, evaluation on its tasks, a report beside what is published.

Needs the extra: `pip install "saw-edu[ogbench]"`.
"""
