"""Where browsers choose what is remembered."""

from django.urls import path

from webapp.tracking import views

app_name = "tracking"
urlpatterns = [
    path("consent/", views.choose_consent, name="consent"),
]
