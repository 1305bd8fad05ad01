"""Pages of the measured project."""

from django.urls import path

from .views import send_view

urlpatterns = [path("send/", send_view)]
