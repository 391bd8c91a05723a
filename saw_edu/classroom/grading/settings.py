"""The course's own nbgrader settings: its gradebook's address, its plugin for late submissions."""

from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader


def settings_of(course: Path) -> Config:
    """What `nbgrader_config.py` says; nothing where the course has no such file."""
    if not (course / "nbgrader_config.py").is_file():
        return Config()
    return PyFileConfigLoader("nbgrader_config.py", str(course)).load_config()


def database_of(settings: Config, course: Path, given: str | None = None) -> str:
    """The gradebook's address: the one given, else that of the settings, else `gradebook.db`.

    A relative path of SQLite's is one in the course's folder.
    """
    own = settings.CourseDirectory.get("db_url") if "CourseDirectory" in settings else None
    url = str(given or own or "sqlite:///gradebook.db")
    path = url.removeprefix("sqlite:///")
    if path == url or not path or path.startswith((":memory:", "file:")) or Path(path).is_absolute():
        return url
    return f"sqlite:///{course.resolve() / path}"
