"""What RelayHub thinks of something, offline: the logic of `manage.py judge KIND`.

Each kind takes a decoded JSON object and gives one. No database, no network, no settings; the only thing read
from outside is a file that a line names.
"""

from relayhub.judge.kinds import KINDS, answer_line
from relayhub.judge.reading import JudgeError

__all__ = ["KINDS", "JudgeError", "answer_line"]
