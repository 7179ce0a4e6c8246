"""`python -m reelwright.testing.simulators`."""

from reelwright.testing.simulators.serving import main

main()
