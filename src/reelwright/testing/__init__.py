"""Real counterparts for tests, shipped so that those who write a provider or a store can use them too.

`simulators` behave as the real vendors do, each in its own words. `vendor` is nobody's API: one vendor with an account for every
way of finding a lost job, so that what Reelwright itself promises can be tested without any vendor's peculiarities. `contract` is
what every provider must hold.
"""
