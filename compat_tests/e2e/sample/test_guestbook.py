"""The guestbook in a browser, as Django's own tests with Selenium are written."""

import tempfile

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from channels_bridge.layers import get_channel_layer
from channels_bridge.testing import ChannelsLiveServerTestCase
from compat_tests.browser import open_chromium

DEADLINE = 20.0  # seconds; what is waited for usually takes milliseconds


class GuestbookTests(ChannelsLiveServerTestCase):
    """The guestbook in a browser, as a project's author tests it."""

    @classmethod
    def setUpClass(cls):
        """Open a browser with a profile of its own, for all tests of the class."""
        super().setUpClass()
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        cls.browser = open_chromium(profile.name)
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        self.browser.get(self.live_server_url)
        self.assert_guests("nobody")

    def assert_guests(self, text):
        WebDriverWait(self.browser, DEADLINE).until(
            lambda browser: browser.find_element(By.ID, "guests").text == text,
            f"not {text!r}, but {self.browser.find_element(By.ID, 'guests').text!r}",
        )

    def test_two_windows(self):
        """Who signs in one window is shown in both, and is in the tests' database."""
        self.browser.find_element(By.ID, "name").send_keys("Ada", Keys.ENTER)
        self.assert_guests("Ada")
        self.assertEqual(User.objects.get().username, "Ada")
        (first,) = self.browser.window_handles
        self.browser.switch_to.new_window("window")
        self.browser.get(self.live_server_url)
        self.assert_guests("Ada")
        self.browser.find_element(By.ID, "name").send_keys("Grace", Keys.ENTER)
        self.assert_guests("Ada, Grace")
        self.browser.close()
        self.browser.switch_to.window(first)
        self.assert_guests("Ada, Grace")

    def test_group(self):
        """A test may write to the database, and tell the server's consumers."""
        User.objects.create(username="Grace")
        async_to_sync(get_channel_layer().group_send)("guests", {"type": "signed"})
        self.assert_guests("Grace")
