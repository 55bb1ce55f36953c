"""Files of somebody's own, for the tests that read them."""

HEADER = "text,label\n"
TITLES = "".join(f"a title {i},a body {i},{i % 2}\n" for i in range(10))


def rows(count=10, labels=("good", "bad"), separator=","):
    """Lines of a text and a label; text i is "a text i"."""
    return "".join(f"a text {i}{separator}{labels[i % len(labels)]}\n" for i in range(count))


def pairs(data, text="text", label="label"):
    """All texts of both splits with their labels, by name where they have one."""
    names = data.task.labels
    return {
        (words, names[number] if names else number)
        for split in data.values()
        for words, number in zip(split[text], split[label], strict=True)
    }


WRITTEN = {(f"a text {i}", ("good", "bad")[i % 2]) for i in range(10)}
