
// A widget of no size: it hides the still above another library's widget while that one lives.

export default {
  render({ model, el }) {
    return replaceStill(el, model.get("mark"));
  },
};
