"""Pages of the measured project."""

from django.urls import path

from .views import page, page_with_session, send_view

urlpatterns = [
    path("send/", send_view),
    path("page/", page),
    path("page/session/", page_with_session),
]
