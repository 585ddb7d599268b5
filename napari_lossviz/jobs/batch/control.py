"""How a program that started `lossviz batch` for itself, such as the window, has it stop."""

from typing import Final

STOP: Final = "stop"
"""Line on standard input by which the batch stops."""

PARENT: Final = "LOSSVIZ_END_WITH"
"""Environment variable: number of the process with whose end the batch stops."""
