"""What the tests of the lab's view share: what a reader does to one, and what it has sent."""

NOW = "document.querySelector('.rl-handle.rl-t0').getAttribute('aria-valuenow')"


def drawn(tab, act="0", *given):
    """Do something in the page, and wait until it is drawn."""
    tab.evaluate(act, *given)
    tab.evaluate("frames(2)")


def sent(tab):
    tab.evaluate("frames(2)")
    return tab.evaluate("sets().map(message => message.values)")


def middle(tab, selector):
    box = tab.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def grip(tab, role):
    """Where a handle of the curve is: its reach is the largest of it."""
    return middle(tab, f".rl-handle.rl-{role} .rl-reach")


def drag(tab, start, end, drop=True):
    tab.mouse.move(*start)
    tab.mouse.down()
    for share in (0.25, 0.5, 0.75, 1):
        tab.mouse.move(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))
        tab.evaluate("frames(1)")
    if drop:
        tab.mouse.up()
        tab.evaluate("frames(2)")


def per_step(tab):
    """Pixels of a step on the curve."""
    grid = tab.locator(".rl-curve .rl-grid").first.bounding_box()
    return grid["width"] / 300


def path(tab, name, plot=0):
    """The points of a line of a drawing, by its class; whole numbers of pixels."""
    return tab.locator(".rl-plot").nth(plot).locator(f"path.{name}").first.get_attribute("d")
