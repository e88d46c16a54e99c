"""Structured OBS against direct least squares."""

import numpy as np
import pytest

from core.pruning.elimination import DAMPING, elimination_losses


def random_layer(inputs: int, outputs: int, seed: int = 0):
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(500, inputs)) @ random.normal(size=(inputs, inputs))
    return np.cov(mixed.T, bias=True), random.normal(size=(outputs, inputs))


def best_refit_loss(covariance, weight, kept):
    """What is lost of the output's variance with weights refitted by least squares."""
    damped = covariance + DAMPING * np.diag(covariance).mean() * np.eye(len(covariance))
    refit = weight @ damped[:, kept] @ np.linalg.inv(damped[np.ix_(kept, kept)])
    rest = weight.copy()
    rest[:, kept] -= refit
    return float(np.trace(rest @ damped @ rest.T))


def test_independent_inputs_lose_their_variance_times_their_squared_weights():
    covariance = np.diag([1.0, 4.0, 9.0])
    weight = np.array([[3.0, 1.0, 0.5]])
    losses = elimination_losses(covariance, weight, np.arange(3)[:, None])
    # 9 x 1, 1 x 4, 0.25 x 9: the third goes first, then the second, then the first
    assert losses == pytest.approx([9.0, 4.0, 2.25], rel=2e-2)


def test_an_input_that_another_can_stand_in_for_costs_nothing():
    covariance = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    weight = np.array([[1.0, 1.0, 1.0]])
    losses = elimination_losses(covariance, weight, np.arange(3)[:, None])
    first = min(losses[0], losses[1])
    assert first < 0.01  # the twin takes over
    assert max(losses[0], losses[1]) == pytest.approx(4.0, rel=1e-2)  # (1 + 1)^2 x 1
    assert losses[2] == pytest.approx(1.0, rel=1e-2)


@pytest.mark.parametrize("size", [1, 2])
def test_the_first_block_to_go_is_the_one_that_least_squares_names(size):
    covariance, weight = random_layer(8, 3)
    blocks = np.arange(8).reshape(-1, size)
    losses = elimination_losses(covariance, weight, blocks)
    direct = [
        best_refit_loss(covariance, weight, np.setdiff1d(np.arange(8), block)) for block in blocks
    ]
    assert losses.argmin() == np.argmin(direct)
    assert losses.min() == pytest.approx(min(direct), rel=1e-4)


def test_losses_of_two_that_go_add_up_to_what_least_squares_loses():
    covariance, weight = random_layer(6, 4, seed=3)
    losses = elimination_losses(covariance, weight, np.arange(6)[:, None])
    gone = np.argsort(losses)[:2]
    kept = np.setdiff1d(np.arange(6), gone)
    # never decreasing here, so nothing was raised
    assert losses[gone].sum() == pytest.approx(best_refit_loss(covariance, weight, kept), rel=1e-4)


def test_inputs_outside_all_blocks_stay_and_make_up_for_the_others():
    covariance = np.array([[1.0, 1.0], [1.0, 1.0]])
    losses = elimination_losses(covariance, np.array([[1.0, 1.0]]), np.array([[0]]))
    assert losses[0] < 0.01


def test_order_never_falls_and_wide_layers_lose_several_at_a_time():
    covariance, weight = random_layer(150, 5, seed=1)
    losses = elimination_losses(covariance, weight, np.arange(150)[:, None])
    one_by_one = np.sort(losses)
    assert (np.diff(one_by_one) >= 0).all()
    assert np.isfinite(losses).all()
    assert losses.max() <= float(np.trace(weight @ covariance @ weight.T)) * 1.01


def test_many_outputs_lose_what_their_products_say():
    covariance, weight = random_layer(6, 40, seed=2)
    root = np.linalg.cholesky(weight.T @ weight).T  # (6, 6), of the same products
    blocks = np.arange(6)[:, None]
    tall, square = (elimination_losses(covariance, w, blocks) for w in (weight, root))
    assert tall == pytest.approx(square, rel=1e-9)
