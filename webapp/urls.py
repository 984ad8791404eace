"""Every address of the site, by app."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("webapp.health.urls")),
    path("", include("webapp.tracking.urls")),
    path("", include("webapp.analytics.urls")),
    path("", include("webapp.feed.urls")),
    path("lens/", include("webapp.feed.lens.urls")),
]

handler404 = "webapp.analytics.views.missing.not_found"
