"""The visitor's websocket address."""

from django.urls import path

from webapp.feed.consumers import visitor_socket

websocket_urlpatterns = [path("ws/", visitor_socket)]
