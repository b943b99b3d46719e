"""A person at the annotation page: real mouse and key events, in coordinates of the image."""

from dataclasses import dataclass

from page_documents import SIZE


@dataclass
class Hands:
    """Works on a Playwright page. (u, v) are edge coordinates of the image: the pixel (0, 0) is 0 <= u, v < 1."""

    page: object
    size: tuple[int, int] = tuple(SIZE)

    def at(self, u: float, v: float) -> tuple[float, float]:
        """Where an image location lies in the window, for an image that is fitted into the canvas."""
        area = self.page.locator("#stage").bounding_box()
        height, width = self.size
        scale = min(64, (area["width"] - 32) / width, (area["height"] - 32) / height)
        left = area["x"] + (area["width"] - width * scale) / 2
        top = area["y"] + (area["height"] - height * scale) / 2
        return left + u * scale, top + v * scale

    def click(self, u: float, v: float, **options) -> None:
        """Click an image location."""
        self.page.mouse.click(*self.at(u, v), **options)

    def drag(self, *locations: tuple[float, float], release: bool = True) -> None:
        """Press at the first location, move through the others, release."""
        self.page.mouse.move(*self.at(*locations[0]))
        self.page.mouse.down()
        for location in locations[1:]:
            self.page.mouse.move(*self.at(*location))
        if release:
            self.page.mouse.up()

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self) -> None:
        """Wait until the page says that everything is saved."""
        self.page.wait_for_selector('#save[data-state="saved"]')
        self.page.wait_for_function("() => new Promise((done) => setTimeout(() => done(true), 40))")
        self.page.wait_for_selector('#save[data-state="saved"]')

    def counts(self, words: str) -> None:
        """Wait until the page counts just this on the image."""
        self.page.wait_for_function(
            "words => document.getElementById('counts').textContent.split(';')[0] === words", arg=words
        )

    def notice(self) -> str:
        """The notice above the image, when there is one."""
        return self.page.wait_for_selector(".notice").text_content()

    def open_image(self, name: str) -> None:
        """Choose an image in the list and wait until it is shown."""
        self.page.locator("#images button", has_text=name).click()
        self.shows(name)

    def shows(self, name: str) -> None:
        """Wait until an image is shown."""
        self.page.wait_for_selector(f'body[data-image="{name}"]')
