from django.urls import path

from chat.views import announce

urlpatterns = [path("announce/<room>/", announce)]
