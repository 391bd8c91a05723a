"""nbgrader's configuration: run `nbgrader` or JupyterLab's Formgrader from this folder.

Here too belong settings of your own course, such as another gradebook:
    c.CourseDirectory.db_url = "postgresql://..."
"""

from pathlib import Path

from saw_edu.classroom.authoring.nbgrader_setup import configure

c = get_config()  # noqa: F821 - given by nbgrader
configure(c, Path(__file__).resolve().parent)
