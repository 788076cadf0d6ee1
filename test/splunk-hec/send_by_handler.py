"""Logs by the PyPI handler splunk-hec-handler, as an application would: HOST PORT TOKEN."""

import logging
import sys

from splunk_hec_handler import SplunkHecHandler

host, port, token = sys.argv[1:]
logger = logging.getLogger("application")
logger.setLevel(logging.INFO)
handler = SplunkHecHandler(
    host, token, port=int(port), proto="http", source="app.log", sourcetype="_json", hostname="app-01"
)
logger.addHandler(handler)

logger.info("A message as it is")
logger.error({"event_id": "py-1", "search_name": "From Python", "urgency": "high", "time": 1795528800})
# A wrong token is an exception, as with Splunk.
handler.r.headers["Authorization"] = "Splunk wrong"
try:
    logger.info("refused")
    print("taken")
except Exception as error:  # noqa: BLE001
    print(error.response.status_code, error.response.text)
