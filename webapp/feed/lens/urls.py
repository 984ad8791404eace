"""The lens's addresses: each is a page of its own, or, asked for by htmx, what goes into the panel."""

from django.urls import path

from webapp.feed.lens import views

app_name = "lens"
urlpatterns = [
    path("", views.now, name="now"),
    path("twin/", views.twin, name="twin"),
    path("time/", views.time, name="time"),
    path("what-if/", views.what_if, name="what-if"),
    path("data/", views.data, name="data"),
    path("data.json", views.download, name="download"),
    path("forget/", views.forget, name="forget"),
    path("tastes/", views.tastes, name="tastes"),
    path("why/", views.why, name="why"),
]
