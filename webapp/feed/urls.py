"""The visitor's addresses."""

from django.urls import path

from webapp.feed import views
from webapp.feed.socketless import collect

app_name = "feed"
urlpatterns = [
    path("", views.home, name="home"),
    path("genres/", views.genres, name="genres"),
    path("item/<path:item>/", views.item, name="item"),
    path("search/", views.search, name="search"),
    path("history/", views.history, name="history"),
    path("dismiss/", views.dismiss, name="dismiss"),
    path("collect/", collect, name="collect"),
]
