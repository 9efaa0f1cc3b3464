"""Messages: what goes over the socket?"""

from pipelines.messages.message_reader import MAX_TEXT_BYTES, MessageReader
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
    "MAX_TEXT_BYTES",
    "Message",
    "MessageID",
    "MessageReader",
    "data_message",
    "filename_message",
    "response_message",
    "text_message",
]
