"""The desk's pages."""

from django.http import HttpResponse
from django.urls import path


def who(request):
    """Say who is logged in."""
    return HttpResponse(request.user.get_username())


urlpatterns = [path("who/", who)]
