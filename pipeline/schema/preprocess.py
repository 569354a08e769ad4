"""``datasets.<name>.preprocess``: one model a form of data, made of the signature of what prepares it.

Which form a dataset has, its source says; so an image dataset has no ``max_vocabulary``, here and in what is recorded.
"""

import functools
import operator
import types
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import Field, create_model

from pipeline.schema.base import ParamsModel
from saccade import kinds
from saccade.core import options, registry


class PreprocessBlock(ParamsModel):
    """What every example is brought to; its keys are those that the kind of the source's data takes."""

    TAKERS: ClassVar[str] = ""
    """Who takes the keys, such as "images", for messages."""

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of the form's ``prepare``, defaults filled in."""
        return self.model_dump()

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of what becomes images; None where nothing of that is settled here."""
        size, channels = self.options.get("size"), self.options.get("channels")
        return None if size is None or channels is None else (size[0], size[1], channels)


def form_of_source(source: str, arguments: Mapping[str, Any]) -> str:
    """The form of the data that a source gives.

    Args:
        source: name of a file in ``datasets/``.
        arguments: arguments of the source, on which its labels may depend.

    Returns:
        A name such as "tokens/long_texts".

    Raises:
        UserError: its kind knows no such labels.
    """
    kind = registry.constant("datasets", source, "KIND")
    return kinds.form_of(kind, registry.labels_of_source(source, arguments))


@functools.cache
def preprocess_block(form: str) -> type[PreprocessBlock]:
    """The model of a form's block.

    Args:
        form: such as "tokens/long_texts".

    Returns:
        A model with a field for each keyword argument of ``prepare``, described by the ``Args`` of its docstring.
    """
    texts = registry.argument_texts("kinds", form, "prepare")
    fields: dict[str, Any] = {}
    for name, argument in registry.keyword_arguments("kinds", form, "prepare").items():
        default = ... if argument.required else argument.default
        fields[name] = (_type_of(argument.annotation), Field(default, description=texts.get(name)))
    model_name = "".join(map(str.capitalize, form.split("/")[1].split("_"))) + "Block"
    words = kinds.words_for(form)
    model = create_model(model_name, __base__=PreprocessBlock, __doc__=f"What {words} are brought to.", **fields)
    model.TAKERS = words
    return model


def _type_of(annotation: str) -> Any:
    """The type that an annotation stands for, which is source text of our own files."""
    known = {"Annotated": Annotated, "Literal": Literal, **vars(options)}
    return _checked_by_pydantic(eval(annotation, known))


def _checked_by_pydantic(annotation: Any) -> Any:
    """The same annotation with pydantic's metadata in place of that of ``core.options``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *metadata = arguments
        return Annotated[(_checked_by_pydantic(inner), *map(_constraint, metadata))]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_checked_by_pydantic, arguments))
    return list[_checked_by_pydantic(arguments[0])] if origin is list else annotation  # type: ignore[misc]


def _constraint(metadata: object) -> object:
    match metadata:
        case options.Between(low, high):
            return Field(ge=low, le=high)
        case options.Length(count):
            return Field(min_length=count, max_length=count)
    return metadata
