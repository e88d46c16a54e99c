"""A whole network in one pickle: what torch.save(network, path) wrote."""

import copy
import pickle
import re
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import EspalierError, NetworkError, readable
from core.events import Event, NoticeRaised, StageStarted
from core.networks.consent import require_consent
from core.networks.facts import FoundNetwork, InputShape, NetworkFacts, NetworkSource, shorten
from core.networks.files import archive_names, find_file, read_through, reading_whole
from core.networks.user_code import running_code_of

if TYPE_CHECKING:
    from torch import nn

SUFFIXES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".th", ".bin", ".tar")
NESTS = ("model", "net", "network", "module", "ema", "model_ema")  # where a network may lie
MISSING_CLASS = re.compile(r"Can't get attribute '([\w.]+)' on <module '([\w.]+)'")


def _find(spec: str, trust: bool) -> Generator[Event, None, FoundNetwork]:
    from core.networks.checks import prepare_network
    from core.networks.module_facts import classifier_width, image_channels

    path = find_file(spec, "network")
    _refuse_others(path)
    sha256 = yield from read_through(path)
    require_consent(path, sha256, _what_it_calls(path), trust=trust)
    yield StageStarted(f"Opening {readable(path.name)}")
    unpickled, place, others = _unpickle(path)
    if others:
        yield NoticeRaised(
            f"{readable(path.name)} holds networks under '{place}' and under {', '.join(others)}. "
            f"That under '{place}' is opened; to open another, save it in a file of its own."
        )
    try:
        module, notices = prepare_network(unpickled, readable(path.name))
    except EspalierError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    yield from map(NoticeRaised, notices)
    facts = NetworkFacts(
        spec,
        "pickle",
        readable(path.name),
        channels=image_channels(module),
        class_count=classifier_width(module),
        is_trained=True,
        size_bytes=path.stat().st_size,
    )

    def make(class_count: int, input_shape: InputShape) -> "nn.Module":
        try:
            return copy.deepcopy(module)
        except Exception as error:
            raise _damaged(path, error) from error

    return FoundNetwork(facts, make)


def _damaged(path: Path, error: Exception) -> NetworkError:
    """Say that a module, which its own code did not make here, lacks something."""
    return NetworkError(
        f"The network in {readable(path)} is damaged, or was saved by another torch: "
        f"{shorten(error)}. Save it again, or open the Python file that makes it.",
        str(error),
    )


def _refuse_others(path: Path) -> None:
    """Name the other things that lie in files of this name."""
    names = archive_names(path)
    if "constants.pkl" in names:
        raise NetworkError(
            f"{readable(path)} is a TorchScript program, whose layers cannot change their width. "
            "Save the network that it was made from with torch.export, or name it by its "
            "Python file."
        )
    if "models/model.json" in names:
        raise NetworkError(
            f"{readable(path)} is a program that torch.export saved. Give its name the ending .pt2."
        )


def _what_it_calls(path: Path) -> str:
    """Why reading the file runs code; reads it as far as that goes without running any.

    Raises: NetworkError if it holds no network, or nothing that torch.save wrote.
    """
    import torch

    try:
        with reading_whole(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except EspalierError:
        raise
    except pickle.UnpicklingError as error:
        called = re.search(r"GLOBAL:? ([\w.]+)", str(error))
        if called:
            return f"it is a pickle that calls {readable(called.group(1))}"
        if "magic number" not in str(error):
            return "it is a pickle, which may call anything"
        raise _broken(path, error) from error
    except Exception as error:
        # torch.load raises almost anything on a broken file: EOFError, KeyError, OSError ...
        raise _broken(path, error) from error
    what = "weights without their network" if isinstance(content, Mapping) else "no network"
    raise NetworkError(
        f"{readable(path)} holds {what}. Choose the network by its name or by its Python file, "
        "and give this file as its checkpoint."
    )


def _broken(path: Path, error: Exception) -> NetworkError:
    return NetworkError(
        f"{readable(path)} is truncated or not a file that torch.save wrote: {shorten(error)}. "
        "Copy or download it again.",
        str(error),
    )


def _unpickle(path: Path) -> "tuple[nn.Module, str, list[str]]":
    """Read a network, where it lies in its file, and where others lie that could be meant."""
    import torch

    from core.networks import checked_pickle

    with running_code_of(path, f"Cannot open {readable(path)}"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of networks that an older torch has pickled
        try:
            with reading_whole(path):
                content = torch.load(
                    path, map_location="cpu", pickle_module=checked_pickle, weights_only=False
                )
        except ModuleNotFoundError as error:
            raise NetworkError(
                f"Cannot open {readable(path)}: it was saved with code of the module "
                f"'{readable(str(error.name))}', which is not here. Install it, or put the file "
                "beside its code."
            ) from error
        except AttributeError as error:
            raise _missing_class(path, error) from error
        except (pickle.UnpicklingError, EOFError, OSError) as error:
            raise _broken(path, error) from error
        except RuntimeError as error:
            if "magic number" in str(error):  # a pickle, but not one of torch.save
                raise _broken(path, error) from error
            raise
    found = _modules_in(content)
    if not found:
        kind = type(content).__name__
        raise NetworkError(
            f"{readable(path)} holds a {kind}, not a torch.nn.Module. "
            "Save the network with torch.save(network, path)."
        )
    place, module = next(iter(found.items()))
    return module, place, [f"'{name}'" for name, one in found.items() if one is not module]


def _missing_class(path: Path, error: AttributeError) -> NetworkError:
    found = MISSING_CLASS.search(str(error))
    name, module = found.groups() if found else (shorten(error), "its code")
    where = (
        "the script that saved it"
        if module.endswith("__main__")
        else f"'{readable(module)}' as it is here"
    )
    return NetworkError(
        f"Cannot open {readable(path)}: its class '{readable(name)}' is not in {where}. "
        "Open the Python file that defines it, and give the weights as its checkpoint.",
        str(error),
    )


def _modules_in(content: Any) -> "dict[str, nn.Module]":
    """The networks in a file by the places where they lie, the one to open first; "" is all."""
    from torch import nn

    if isinstance(content, nn.Module):
        return {"": content}
    if isinstance(content, Mapping):
        inner = {name: content[name] for name in NESTS if isinstance(content.get(name), nn.Module)}
        others = [value for value in content.values() if isinstance(value, nn.Module)]
        # under a name of its own only if no other, a loss for example, could be meant
        return inner or ({"": others[0]} if len(others) == 1 else {})
    return {}


def _recognises(spec: str) -> bool:
    return spec.lower().endswith(SUFFIXES)


PICKLE = NetworkSource(_recognises, _find, suffixes=SUFFIXES)
