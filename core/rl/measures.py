"""What each reward has measured of a mask, and what then chooses the winner."""

from dataclasses import dataclass, replace

from core.config import SearchConfig
from core.rl.rewards import TEACHER_TEMPERATURE, WITH_DISTILLATION, WITH_REFIT, teacher_temperature
from core.scoring import Measure

JUDGING_STEPS = 8
STAGED = "staged"


@dataclass(frozen=True)
class Measures:
    """How masks are scored in the course of a search, each dearer and better than the last."""

    first: Measure  # of the criteria, and of masks that a better one is not spent on
    reward: Measure
    judging: Measure  # of the finalists, on held-out images
    start: Measure  # of what the search samples first


def measures_of(config: SearchConfig) -> Measures:
    """What the reward of the settings measures."""
    if config.reward not in WITH_REFIT:
        plain = Measure(teacher_temperature(config.reward))
        return Measures(plain, plain, plain, plain)
    refitted = Measure(TEACHER_TEMPERATURE, is_refitted=True)
    if config.reward not in WITH_DISTILLATION:
        is_error = config.reward == "refit_error"
        reward = replace(refitted, is_refit_error=is_error)
        return Measures(reward, reward, refitted, reward)
    learned = replace(
        refitted,
        steps=config.distillation_steps,
        batch=config.distillation_batch,
        rate=config.distillation_rate,
    )
    steps = max(JUDGING_STEPS, config.distillation_steps)
    judging = replace(learned, steps=steps, batch=2 * config.distillation_batch)
    start = refitted if config.reward == STAGED else learned
    return Measures(refitted, learned, judging, start)
