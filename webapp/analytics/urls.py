"""Staff pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from webapp.analytics import views

app_name = "analytics"
_login = LoginView.as_view(template_name="analytics/login.html", next_page="analytics:live")
urlpatterns = [
    path("staff/", views.live, name="live"),
    path("staff/knob/", views.turn_knob, name="knob"),
    path("staff/login/", _login, name="login"),
    path("staff/logout/", LogoutView.as_view(next_page="/"), name="logout"),
]
