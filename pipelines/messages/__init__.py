"""Messages: what goes over the socket?"""

from pipelines.messages.addresses import parse_address
from pipelines.messages.message_reader import MessageReader
from pipelines.messages.messages import (
    CLOSE,
    Message,
    MessageID,
    data_message,
    filename_message,
    response_message,
    text_message,
)

__all__ = [
    "CLOSE",
    "Message",
    "MessageID",
    "MessageReader",
    "data_message",
    "filename_message",
    "parse_address",
    "response_message",
    "text_message",
]
