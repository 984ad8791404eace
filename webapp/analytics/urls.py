"""Staff pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from webapp.analytics.forms import SignInForm
from webapp.analytics.views import (
    dead_letters,
    home,
    items,
    knob,
    labels,
    learning,
    live,
    models,
    overview,
    sessions,
    visitors,
)

app_name = "analytics"
_login = LoginView.as_view(
    template_name="analytics/login.html", authentication_form=SignInForm, next_page="analytics:home"
)
urlpatterns = [
    path("staff/", home.home, name="home"),
    path("staff/login/", _login, name="login"),
    path("staff/logout/", LogoutView.as_view(next_page="/"), name="logout"),
    path("staff/live/", live.live, name="live"),
    path("staff/live/events/", live.stream, name="live_events"),
    path("staff/sessions/", sessions.sessions, name="sessions"),
    path("staff/sessions/<path:session_id>/", sessions.session, name="session"),
    path("staff/items/", items.items, name="items"),
    path("staff/items/<path:item_id>/", items.item, name="item"),
    path("staff/models/", models.models, name="models"),
    path("staff/dead-letters/", dead_letters.dead_letters, name="dead_letters"),
    path("staff/dead-letters/redrive/", dead_letters.redrive_all, name="redrive_all"),
    path("staff/dead-letters/<str:letter_id>/", dead_letters.dead_letter, name="dead_letter"),
    path("staff/dead-letters/<str:letter_id>/redrive/", dead_letters.redrive, name="redrive"),
    path("staff/dead-letters/<str:letter_id>/discard/", dead_letters.discard, name="discard"),
    path("staff/overview/", overview.overview, name="overview"),
    path("staff/learning/", learning.learning, name="learning"),
    path("staff/labels/", labels.labels, name="labels"),
    path("staff/knob/", knob.knob, name="knob"),
    path("staff/visitors/", visitors.visitors, name="visitors"),
    path("staff/visitors/send-away/", visitors.send_away, name="send_away"),
]
