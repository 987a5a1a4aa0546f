"""A quick script in a hurry: 1,000 addresses into each call. Usage: send.py customers.csv"""

import csv
import os
import sys

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail

with open(sys.argv[1], encoding="utf-8") as file:
    addresses = [row["email"] for row in csv.DictReader(file)]

client = SendGridAPIClient(os.environ["SENDGRID_API_KEY"], host=os.environ["SENDGRID_HOST"])
for first in range(0, len(addresses), 1_000):
    mail = Mail(
        from_email="notices@exchange.example",
        to_emails=addresses[first : first + 1_000],  # every one of them in one To field
        subject="Our index changes",
        plain_text_content="Our index changes on Friday. Please look at your open positions.",
    )
    print(client.send(mail).status_code)
