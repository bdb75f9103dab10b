// A press on a scene goes to it in the film, and plays on from there.
for (const button of document.querySelectorAll(".attend-film-scenes button")) {
  button.addEventListener("click", () => {
    const film = document.querySelector(".attend-film video");
    film.currentTime = Number(button.dataset.second);
    film.play();
  });
}
