from django.urls import path

from lobby import views

urlpatterns = [
    path("", views.index),
    path("echo/", views.echo),
    path("stream/", views.stream),
    path("events/", views.events),
    path("crash/", views.crash),
    path("login/", views.log_in),
    path("logout/", views.log_out),
    path("publish/<str:group>/", views.publish),
    path("apublish/<str:group>/", views.apublish),
    path("publish-from-threads/<str:group>/", views.publish_from_threads),
]
