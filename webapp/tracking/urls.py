"""Where browsers hand in events without a websocket, and choose what is remembered."""

from django.urls import path

from webapp.tracking import views

app_name = "tracking"
urlpatterns = [
    path("collect/", views.collect, name="collect"),
    path("consent/", views.choose_consent, name="consent"),
]
