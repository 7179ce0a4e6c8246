"""The published contract that older clients rely on: its paths and fields, exactly, over the services that all clients use."""

from fastapi import APIRouter

from reelwright.api.contract import campaigns, frames, generations, movies, scenes, workflow

PREFIX = "/api"
router = APIRouter(prefix=PREFIX, tags=["older clients"])
for _each in (frames, workflow, movies, generations, campaigns, scenes):
    router.include_router(_each.router)
