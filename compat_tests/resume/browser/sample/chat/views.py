from django.shortcuts import render


def index(request):
    return render(request, "chat/index.html")


def room(request, room_name):
    return render(request, "chat/room.html", {"room_name": room_name})


def notes(request, room_name):
    """A page of the tests' own, which writes down all that its socket tells it."""
    context = {"room_name": room_name, "group": f"chat_{room_name}"}
    return render(request, "chat/notes.html", context)
