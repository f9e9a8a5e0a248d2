# Keeps what is known of any object: its name, size, type and metadata. A start for a handler of your own.
def handler(event):
    print("received", event["key"])
    return {
        "name": event["key"].split("/")[-1],
        "size": event.get("size"),
        "content_type": event.get("content_type"),
        "metadata": event.get("metadata") or {},
    }
