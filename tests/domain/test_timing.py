"""Time and shape are exact."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.timing import AspectRatio, frame_count, samples_at

rates = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001)])


@given(st.integers(0, 100_000), rates)
def test_whole_frames_survive_the_way_through_seconds(frames: int, rate: Fraction) -> None:
    assert frame_count(frames / rate, rate) == frames


@given(st.integers(0, 100_000), rates)
def test_the_sound_of_a_frame_starts_within_half_a_sample(frame: int, rate: Fraction) -> None:
    assert abs(samples_at(frame, rate) - Fraction(frame) / rate * 48_000) <= Fraction(1, 2)


def test_every_ratio_has_even_pixels_close_to_its_shape() -> None:
    for ratio in AspectRatio:
        width, height = ratio.size
        wide, tall = (int(part) for part in ratio.value.split(":"))
        assert width % 2 == 0
        assert height % 2 == 0
        assert abs(width / height - wide / tall) / (wide / tall) < 0.011
