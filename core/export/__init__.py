"""Writing the pruned network: nothing is called exported before the parity gate has passed."""

from core.export.exporting import EXPORTERS, Exporter, export_network, export_pruned
from core.export.pruned import PrunedNetwork, cut_network, describe_pruned, refit_for
from core.export.pytorch import load_pruned
from core.export.verify import PARITY_LIMIT

__all__ = [
    "EXPORTERS",
    "PARITY_LIMIT",
    "Exporter",
    "PrunedNetwork",
    "cut_network",
    "describe_pruned",
    "export_network",
    "export_pruned",
    "load_pruned",
    "refit_for",
]
