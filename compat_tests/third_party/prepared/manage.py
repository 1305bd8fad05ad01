"""As django-configurations and PyMySQL say; without the guard that a main script should have."""

import os
import sys

import pymysql

pymysql.version_info = (2, 2, 7, "final", 0)  # Django asks for that of mysqlclient
pymysql.install_as_MySQLdb()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
os.environ.setdefault("DJANGO_CONFIGURATION", "Production")

from configurations.management import execute_from_command_line  # noqa: E402

execute_from_command_line(sys.argv)
