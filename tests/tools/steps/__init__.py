"""The calls that compare.py makes, in order: later ones build on earlier ones."""
from .brokers import brokers
from .clusters import clusters
from .configs import configs
from .console import console
from .elections import elections
from .groups import groups
from .offsets import offsets, record_deletion
from .others import cleaning, dump, others
from .reassignments import reassignments
from .topics import topics


def steps(folder):
    for part in (brokers(), clusters(folder), topics(), configs(folder), console(), offsets(), groups(folder), elections(folder), reassignments(folder), others(), record_deletion(folder), dump(), cleaning()):
        yield from part
