"""The demo: three photos protected, restored and evaluated through the services, as a page to look at."""
