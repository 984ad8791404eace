"""Staff pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from webapp.analytics.views import home, knob, live

app_name = "analytics"
_login = LoginView.as_view(template_name="analytics/login.html", next_page="analytics:home")
urlpatterns = [
    path("staff/", home.home, name="home"),
    path("staff/login/", _login, name="login"),
    path("staff/logout/", LogoutView.as_view(next_page="/"), name="logout"),
    path("staff/live/", live.live, name="live"),
    path("staff/live/events/", live.stream, name="live_events"),
    path("staff/knob/", knob.knob, name="knob"),
]
