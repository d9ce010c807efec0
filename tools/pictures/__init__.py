"""Pictures of what a perception task's network and its converted program see, side by side.

`write_pictures` draws PNG files and one offline HTML page, `pictures_folder` puts them in the place
of earlier ones; `drive_data` renders a drive for its
animation. Pillow draws everything, with the font that it carries: no picture depends on the
machine that draws it.
"""

from recog.tools.pictures.drive import drive_data
from recog.tools.pictures.frames import Frames
from recog.tools.pictures.writer import pictures_folder, write_pictures

__all__ = ["Frames", "drive_data", "pictures_folder", "write_pictures"]
