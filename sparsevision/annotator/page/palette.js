// Colours of classes and tracks.

const CLASS_COLOURS = [
  "#4c8dff", "#ff7a1a", "#14a38b", "#e5437f", "#9a5bd8", "#e0b000", "#4aa832", "#00a3c4", "#b5793a", "#f06a6a",
];
const TRACK_COLOURS = ["#ff4d6d", "#12b886", "#fab005", "#7c5cff", "#15aabf", "#e8590c", "#74b816", "#d6336c"];

const hue = (index) => `hsl(${Math.round((index * 137.508) % 360)} 70% 52%)`;

export const classColour = (label) => CLASS_COLOURS[label] ?? hue(label);
export const trackColour = (index) => TRACK_COLOURS[index % TRACK_COLOURS.length];
