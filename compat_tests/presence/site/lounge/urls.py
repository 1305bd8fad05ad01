"""Pages."""

from dataclasses import asdict

from django.http import JsonResponse
from django.urls import path

from channels_bridge.presence import acount, amembers, count, members


def people(request, group):
    """Who is there, of a synchronous view."""
    found = [asdict(person) for person in members(group)]
    return JsonResponse({"people": found, "count": count(group)})


async def people_later(request, group):
    """Who is there, of an asynchronous one."""
    found = [asdict(person) for person in await amembers(group)]
    return JsonResponse({"people": found, "count": await acount(group)})


urlpatterns = [path("people/<group>/", people), path("later/<group>/", people_later)]
