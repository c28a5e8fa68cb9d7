"""`/openapi.json`, made from the routes themselves, and `/docs`, a page of our own that lists them: nothing is fetched from elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from bot.web.door import Door

#: What any route may answer besides.
_ANYWHERE = {"401": "token.unknown", "403": "token.scope", "422": "api.fields", "429": "token.guessing"}


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    parameters: tuple[str, ...]
    body: str


def docs_router(door: Door, routers: Sequence[APIRouter], version: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    spec = cache(lambda: described(routers, version))  # when somebody asks: the server need not wait for it

    @router.get("/openapi.json")
    def openapi() -> Response:
        return JSONResponse(spec())

    @router.get("/docs")
    def docs() -> Response:
        return door.page("docs.html", operations=list(_operations(spec())))

    return router


def described(routers: Sequence[APIRouter], version: str) -> dict[str, Any]:
    """The OpenAPI description: every operation wants a bearer token, every refusal has one shape."""
    routes = [route for router in routers for route in router.routes]
    spec = get_openapi(title="Gengfu", version=version, routes=routes)
    parts = spec.setdefault("components", {})
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "description": "gengfu token new"}}
    shapes: dict[str, Any] = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    texts = {name: {"type": "string"} for name in ("error", "text", "usage")}
    shapes["Problem"] = {"type": "object", "properties": texts, "required": list(texts)}
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    spec["security"] = [{"token": []}]
    for _, _, operation in _each(spec):
        asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        shapes.update(asked.pop("$defs", {}))
        answers = operation["responses"]
        for status in sorted({*_ANYWHERE, *_more(operation)}):
            answers[status] = {"description": "refused, in one sentence", "content": problem}
    return spec


def _more(operation: Mapping[str, Any]) -> tuple[str, ...]:
    return ("400", "404", "409", "413", "415") if "requestBody" in operation else ("404",)


def _each(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _operations(spec: Mapping[str, Any]) -> Iterator[Operation]:
    for method, path, operation in _each(spec):
        names = tuple(one["name"] for one in operation.get("parameters", ()))
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = content.get("schema", {})
        yield Operation(method, path, operation.get("summary", ""), names, ", ".join(schema.get("properties", ())))
