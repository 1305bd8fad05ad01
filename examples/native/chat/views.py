from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.urls import reverse

from .forms import EnterForm


def index(request):
    """Ask for a room and a name."""
    form = EnterForm(request.GET or None)
    if form.is_valid():
        name, room = form.cleaned_data["name"], form.cleaned_data["room"]
        return redirect(reverse("room", args=[room]) + "?" + urlencode({"name": name}))
    return render(request, "chat/index.html", {"form": form})


def room(request, room):
    """The room's page; all else happens on its WebSocket."""
    if not request.GET.get("name", "").strip():
        return redirect("index")
    return render(request, "chat/room.html", {"room": room})
