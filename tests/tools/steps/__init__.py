"""The calls that compare.py makes, in order: later ones build on earlier ones."""
from .acls import acls
from .brokers import brokers
from .clusters import clusters
from .configs import configs
from .console import console
from .elections import elections
from .groups import groups
from .metrics import metrics
from .offsets import offsets, record_deletion
from .others import cleaning, dump
from .performance import performance
from .reassignments import reassignments
from .topics import topics
from .transactions import transactions


def steps(folder):
    parts = (
        brokers(), acls(), clusters(folder), topics(), configs(folder), console(), performance(), offsets(), groups(folder),
        elections(folder), reassignments(folder), record_deletion(folder), transactions(), metrics(), dump(), cleaning(),
    )
    for part in parts:
        yield from part
