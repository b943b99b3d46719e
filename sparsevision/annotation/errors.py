"""What goes wrong with annotations, said to a person."""

from sparsevision.utils import UserError


class AnnotationError(UserError):
    """An annotation, or a file of annotations, that is not what it should be: names the field and what was expected."""
