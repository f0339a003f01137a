"""The app in a browser on one's own machine: choose, look, audit, read, listen; and a viewer of finished runs.

Goal: the page only starts commands and reads what they leave on disk, so that closing the page, or the app, loses
nothing. Conventions: an audit is a folder of the work directory; every command in it runs as a process of its own;
whatever was typed, uploaded or tagged is a stranger's text and is escaped where it is shown. Gradio is loaded when
a page is built.
"""
