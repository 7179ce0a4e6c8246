"""What providers stand on that keep files on this machine: the built-in ones, and those whose vendor answers with bytes.

A `BuiltIn` one makes outputs here, as `LocalJobs`; `Shelf` keeps what a vendor answered with. Both hand them out as every vendor
does: by URLs that expire.
"""

from reelwright.providers.local.answered import Answered, MadeNothing
from reelwright.providers.local.built_in import BuiltIn
from reelwright.providers.local.jobs import Format, LocalJobs, Made, Work
from reelwright.providers.local.shelf import Shelf
from reelwright.providers.local.tokens import priced, sent

__all__ = ["Answered", "BuiltIn", "Format", "LocalJobs", "Made", "MadeNothing", "Shelf", "Work", "priced", "sent"]
