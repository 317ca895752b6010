"""Readers of the real data sets, VOCASET, BIWI and BEAT, in the layouts in which people have them.

One module reads each data set. What they share stands below them: headers of files, meshes (`ply`),
pickles of plain data (`unpickle`), and what is wrong with a copy (`problems`).
"""
